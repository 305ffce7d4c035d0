output "cluster" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "token_issuer" {
  description = "The issuer that Vault's JWT auth is told to believe, beside the first region's."
  value       = module.cluster.oidc_issuer
}

output "role_arns" {
  description = "The role of each workload, for the site's values of the platform."
  value       = module.workload_identity.role_arns
}
