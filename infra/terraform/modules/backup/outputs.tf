output "bucket_arns" {
  description = "Both buckets, by side."
  value       = { primary = module.primary.arn, replica = module.replica.arn }
}

output "bucket_names" {
  description = "Both buckets, by side."
  value       = local.names
}
