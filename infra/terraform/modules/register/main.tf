# The register of the erased: a bucket in which one object per erased client stands, and its copy in the other region.
# Locked, and outside everything that may be restored: whoever begins to lead identity lays these tombstones again.
module "buckets" {
  source    = "../backup"
  providers = { aws = aws, aws.replica = aws.replica }

  name               = var.name
  regions            = var.regions
  key_arns           = var.key_arns
  access_log_buckets = var.access_log_buckets
  lock_days          = var.lock_days
}

locals {
  buckets = [for name in values(module.buckets.bucket_names) : "arn:aws:s3:::${name}"]
}

# A policy and no user: the key of whoever has it is made by the site, and lies in no state.
resource "aws_iam_policy" "service" {
  name = "${var.name}-service"
  # Another text would be another policy: AWS changes none, and deletes none that is attached. The rest is in `policy`.
  description = "What identity may do in the register of the erased: list, read and add. Nobody deletes there."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "IfExists": without ListBucket a missing object is answered 403 instead of 404, and reading has no prefix.
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.buckets
        Condition = { StringLikeIfExists = { "s3:prefix" = ["erased/*"] } }
      },
      {
        Effect = "Allow"
        Action = ["s3:GetObject", "s3:PutObject"]
        # The marker tells this register from an empty one.
        Resource = flatten([for bucket in local.buckets : ["${bucket}/erased/*", "${bucket}/marker"]])
      },
      {
        # Whoever begins to lead asks whether the bucket is locked.
        Effect   = "Allow"
        Action   = ["s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning"]
        Resource = local.buckets
      },
      {
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = values(var.key_arns)
      },
    ]
  })
}
