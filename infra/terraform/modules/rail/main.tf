# The payment rail: a bucket through which payment-instruction and the bank hand each other messages, and its copy in the
# other region. Without lock, since the bank puts an empty object in the place of each message that it has taken.
module "buckets" {
  source    = "../backup"
  providers = { aws = aws, aws.replica = aws.replica }

  name               = var.name
  regions            = var.regions
  key_arns           = var.key_arns
  access_log_buckets = var.access_log_buckets
  lock_days          = null
}

locals {
  # Who lists, reads, writes and deletes where. Nobody deletes names of the outbox: by them a message that is handed over
  # again is known.
  rights = {
    service = {
      list   = ["inbox"]
      get    = ["outbox", "inbox"]
      put    = ["outbox", "archive", "refused"]
      delete = ["inbox"]
    }
    bank = {
      list   = ["outbox"]
      get    = ["outbox"]
      put    = ["outbox", "inbox"]
      delete = []
    }
  }
  buckets = [for name in values(module.buckets.bucket_names) : "arn:aws:s3:::${name}"]
}

# Policies and no users: the key of whoever has them is made by the site, and lies in no state.
resource "aws_iam_policy" "this" {
  for_each = local.rights

  name        = "${var.name}-${each.key}"
  description = "What the ${each.key} may do on the payment rail."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        # "IfExists": without ListBucket a missing object is answered 403 instead of 404, and reading has no prefix.
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.buckets
        Condition = { StringLikeIfExists = { "s3:prefix" = [for folder in each.value.list : "${var.prefix}${folder}/*"] } }
      }],
      [for action, folders in { GetObject = each.value.get, PutObject = each.value.put, DeleteObject = each.value.delete } : {
        Effect                            = "Allow"
        Action                            = "s3:${action}"
        Resource                          = flatten([for bucket in local.buckets : [for folder in folders : "${bucket}/${var.prefix}${folder}/*"]])
      } if length(folders) > 0],
      [{
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = values(var.key_arns)
      }],
    )
  })
}
