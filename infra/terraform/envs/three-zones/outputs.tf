output "cluster" {
  description = "Name of the cluster."
  value       = module.cluster.name
}

output "token_issuer" {
  description = "The issuer that Vault's JWT auth is told to believe."
  value       = module.cluster.oidc_issuer
}

output "exit_addresses" {
  description = "Addresses from which the platform reaches the bank."
  value       = module.network.exit_addresses
}

output "role_arns" {
  description = "The role of each workload, for the site's values of the platform."
  value       = module.workload_identity.role_arns
}

output "unseal_key_id" {
  description = "For the seal stanza of OpenBao, the same in both regions."
  value       = module.keys["unseal"].key_id
}

output "second_region" {
  description = "What envs/second-region takes as `first`."
  value = {
    key_arns = {
      unseal   = module.keys_replica["unseal"].arn
      backups  = module.keys_replica["backups"].arn
      platform = module.keys_replica["platform"].arn
    }
    bucket_arn = module.backup.bucket_arns.replica
  }
}

output "buckets" {
  description = "Names of the backups' buckets."
  value       = module.backup.bucket_names
}

output "rail" {
  description = "The payment rail's buckets, and the policies for the service's user and for the bank's connection."
  value       = { buckets = module.rail.bucket_names, policy_arns = module.rail.policy_arns }
}

output "register" {
  description = "The buckets of the register of the erased, and the policy for identity's user."
  value       = { buckets = module.register.bucket_names, policy_arn = module.register.policy_arn }
}
