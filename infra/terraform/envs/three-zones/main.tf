# The region that runs: deploy/environments/three-zones.yaml goes on top of it.
locals {
  # What each key is for; every one of them is there in the second region too.
  keys = {
    unseal   = { description = "Opens the vault." }
    backups  = { description = "Encrypts backups." }
    platform = { description = "Encrypts Secrets, volumes, logs, the payment rail and the register of the erased." }
  }
}

module "keys" {
  source   = "../../modules/kms"
  for_each = local.keys

  name                 = "${var.name}-${each.key}"
  description          = each.value.description
  services             = each.key == "platform" ? ["logs.${var.region}.amazonaws.com"] : []
  service_linked_roles = each.key == "platform" ? ["autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"] : []
}

module "keys_replica" {
  source    = "../../modules/kms"
  for_each  = local.keys
  providers = { aws = aws.replica }

  name                 = "${var.name}-${each.key}"
  description          = each.value.description
  replica_of           = { arn = module.keys[each.key].arn }
  services             = each.key == "platform" ? ["logs.${var.second_region}.amazonaws.com"] : []
  service_linked_roles = each.key == "platform" ? ["autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"] : []
}

module "network" {
  source = "../../modules/network"

  name         = var.name
  cidr         = var.cidr
  zones        = var.zones
  logs_key_arn = module.keys["platform"].arn
}

module "cluster" {
  source = "../../modules/cluster"

  name               = var.name
  kubernetes_version = var.kubernetes_version
  subnets            = module.network.node_subnets
  key_arn            = module.keys["platform"].arn
  api_cidrs          = var.api_cidrs
  administrators     = var.administrators
}

module "backup" {
  source    = "../../modules/backup"
  providers = { aws = aws, aws.replica = aws.replica }

  name               = "${var.name}-backups"
  regions            = { primary = var.region, replica = var.second_region }
  key_arns           = { primary = module.keys["backups"].arn, replica = module.keys_replica["backups"].arn }
  access_log_buckets = var.access_log_buckets
  # Whoever writes snapshots may not delete them, so S3 does.
  expirations = { openbao = 60 }
}

module "rail" {
  source    = "../../modules/rail"
  providers = { aws = aws, aws.replica = aws.replica }

  name               = "${var.name}-rail"
  regions            = { primary = var.region, replica = var.second_region }
  key_arns           = { primary = module.keys["platform"].arn, replica = module.keys_replica["platform"].arn }
  access_log_buckets = var.access_log_buckets
}

module "register" {
  source    = "../../modules/register"
  providers = { aws = aws, aws.replica = aws.replica }

  name               = "${var.name}-register"
  regions            = { primary = var.region, replica = var.second_region }
  key_arns           = { primary = module.keys["platform"].arn, replica = module.keys_replica["platform"].arn }
  access_log_buckets = var.access_log_buckets
}

module "workload_identity" {
  source = "../../modules/workload-identity"

  name              = var.name
  oidc_provider_arn = module.cluster.oidc_provider_arn
  oidc_issuer       = module.cluster.oidc_issuer

  unseal = {
    namespace       = "openbao"
    service_account = "openbao"
    key_arn         = module.keys["unseal"].arn
  }

  backups = {
    postgres = {
      namespace       = "ringfence-data"
      service_account = "ringfence-postgres"
      bucket_arn      = module.backup.bucket_arns.primary
      prefix          = "postgres"
      key_arn         = module.keys["backups"].arn
    }
    openbao = {
      namespace       = "openbao"
      service_account = "openbao-snapshot"
      bucket_arn      = module.backup.bucket_arns.primary
      prefix          = "openbao"
      key_arn         = module.keys["backups"].arn
    }
  }
}
