output "role_arns" {
  description = "The role of each workload, for the annotation eks.amazonaws.com/role-arn of its service account."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}
