output "arn" {
  description = "The key in this region."
  value       = local.arn
}

output "key_id" {
  description = "The identifier that is the same in both regions."
  value       = local.key_id
}
