output "bucket_names" {
  description = "Both buckets, by side."
  value       = module.buckets.bucket_names
}

output "policy_arns" {
  description = "What is attached to whoever the service and the bank's connection are to AWS."
  value       = { for name, policy in aws_iam_policy.this : name => policy.arn }
}
