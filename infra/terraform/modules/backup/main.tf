# Two buckets in two regions that copy each other: after a change of regions the copies go the other way.
locals {
  names = { for side, region in var.regions : side => "${var.name}-${region}" }
}

module "primary" {
  source = "./bucket"

  bucket            = local.names.primary
  key_arn           = var.key_arns.primary
  lock_days         = var.lock_days
  expirations       = var.expirations
  access_log_bucket = var.access_log_buckets.primary
  readers           = var.readers

  copy = {
    bucket_arn = module.replica.arn
    key_arn    = var.key_arns.replica
    role_arn   = aws_iam_role.replication.arn
  }
}

module "replica" {
  source    = "./bucket"
  providers = { aws = aws.replica }

  bucket            = local.names.replica
  key_arn           = var.key_arns.replica
  lock_days         = var.lock_days
  expirations       = var.expirations
  access_log_bucket = var.access_log_buckets.replica
  readers           = var.readers

  copy = {
    bucket_arn = module.primary.arn
    key_arn    = var.key_arns.primary
    role_arn   = aws_iam_role.replication.arn
  }
}
