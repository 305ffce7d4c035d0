# IAM roles that a service account of the cluster takes on with its token: no key of AWS lies in the cluster.
locals {
  service_accounts = merge(
    { unseal = var.unseal },
    { for name, each in var.backups : name => { namespace = each.namespace, service_account = each.service_account } },
  )
}

resource "aws_iam_role" "this" {
  for_each = local.service_accounts

  name = "${var.name}-${each.key}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = var.oidc_provider_arn }
      Condition = {
        StringEquals = {
          "${var.oidc_issuer}:aud" = "sts.amazonaws.com"
          "${var.oidc_issuer}:sub" = "system:serviceaccount:${each.value.namespace}:${each.value.service_account}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "unseal" {
  name = "unseal"
  role = aws_iam_role.this["unseal"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]
      Resource = var.unseal.key_arn
    }]
  })
}

# Deleting hides an object and leaves its versions, which the bucket's lock keeps: nobody here may delete those.
resource "aws_iam_role_policy" "backups" {
  for_each = var.backups

  name = "backups"
  role = aws_iam_role.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        # "IfExists": HeadBucket, by which Barman asks before each upload, is allowed by ListBucket and has no prefix.
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = each.value.bucket_arn
        Condition = { StringLikeIfExists = { "s3:prefix" = ["${each.value.prefix}/*"] } }
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        Resource = "${each.value.bucket_arn}/${each.value.prefix}/*"
      },
      {
        Effect   = "Allow"
        Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource = each.value.key_arn
      },
    ]
  })
}
