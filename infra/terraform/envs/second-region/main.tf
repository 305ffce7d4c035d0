# The region that takes over: deploy/environments/second-region.yaml goes on top of it. Keys and bucket are made by
# envs/three-zones, so that they outlive this environment and its state.
module "network" {
  source = "../../modules/network"

  name         = var.name
  cidr         = var.cidr
  zones        = var.zones
  logs_key_arn = var.first.key_arns.platform
}

module "cluster" {
  source = "../../modules/cluster"

  name               = var.name
  kubernetes_version = var.kubernetes_version
  subnets            = module.network.node_subnets
  key_arn            = var.first.key_arns.platform
  api_cidrs          = var.api_cidrs
  administrators     = var.administrators
}

module "workload_identity" {
  source = "../../modules/workload-identity"

  name              = var.name
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer

  unseal = {
    namespace       = "openbao"
    service_account = "openbao"
    key_arn         = var.first.key_arns.unseal
  }

  backups = {
    postgres = {
      namespace       = "ringfence-data"
      service_account = "ringfence-postgres"
      bucket_arn      = var.first.bucket_arn
      prefix          = "postgres"
      key_arn         = var.first.key_arns.backups
    }
    openbao = {
      namespace       = "openbao"
      service_account = "openbao-snapshot"
      bucket_arn      = var.first.bucket_arn
      prefix          = "openbao"
      key_arn         = var.first.key_arns.backups
    }
  }
}
