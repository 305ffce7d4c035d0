output "bucket_names" {
  description = "Both buckets, by side."
  value       = module.buckets.bucket_names
}

output "policy_arn" {
  description = "What is attached to whoever identity is to AWS."
  value       = aws_iam_policy.service.arn
}
