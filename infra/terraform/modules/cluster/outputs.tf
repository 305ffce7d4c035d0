output "name" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
}

output "oidc_provider_arn" {
  description = "The cluster's OpenID Connect provider in IAM."
  value       = aws_iam_openid_connect_provider.this.arn
}

output "oidc_issuer" {
  description = "The issuer of service account tokens, without scheme; Vault's JWT auth believes it too."
  value       = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
}
