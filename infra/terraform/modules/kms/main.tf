# A key that exists in both regions under one identifier: what one region sealed, the other opens after its loss.
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# A key's policy that names a role which is not there is refused by KMS, with a sentence that does not say which.
data "aws_iam_roles" "linked" {
  for_each = toset(var.service_linked_roles)

  name_regex  = "^${split("/", each.value)[1]}$"
  path_prefix = "/aws-service-role/${split("/", each.value)[0]}/"
}

locals {
  account = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
  use     = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
  linked  = [for each in var.service_linked_roles : "${local.account}:role/aws-service-role/${each}"]

  # The account decides by its IAM policies; without this statement nobody could ever mend the policy.
  of_account = [{
    Sid       = "AccountDecidesByIam"
    Effect    = "Allow"
    Principal = { AWS = "${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }]
  of_services = [for services in [var.services] : {
    Sid       = "ServicesForThisAccount"
    Effect    = "Allow"
    Principal = { Service = services }
    Action    = local.use
    Resource  = "*"
    Condition = { ArnLike = {
      "kms:EncryptionContext:aws:logs:arn" = "arn:*:logs:*:${data.aws_caller_identity.current.account_id}:*"
    } }
  } if length(services) > 0]
  of_linked_roles = flatten([for roles in [local.linked] : [
    {
      Sid       = "LinkedRolesUse"
      Effect    = "Allow"
      Principal = { AWS = roles }
      Action    = local.use
      Resource  = "*"
    },
    {
      Sid       = "LinkedRolesGrant"
      Effect    = "Allow"
      Principal = { AWS = roles }
      Action    = ["kms:CreateGrant"]
      Resource  = "*"
      Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
    },
  ] if length(roles) > 0])
  missing = "The account lacks a role of: ${join(", ", var.service_linked_roles)}. Once: aws iam create-service-linked-role --aws-service-name SERVICE"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat(local.of_account, local.of_services, local.of_linked_roles)
  })
  arn    = one(concat(aws_kms_key.this[*].arn, aws_kms_replica_key.this[*].arn))
  key_id = one(concat(aws_kms_key.this[*].key_id, aws_kms_replica_key.this[*].key_id))
}

resource "aws_kms_key" "this" {
  count = var.replica_of == null ? 1 : 0

  description             = var.description
  multi_region            = true
  enable_key_rotation     = true
  rotation_period_in_days = var.rotation_days
  deletion_window_in_days = 30
  policy                  = local.policy
  tags                    = { Name = var.name }

  lifecycle {
    # With the key goes whatever it sealed.
    prevent_destroy = true

    precondition {
      condition     = alltrue([for each in data.aws_iam_roles.linked : length(each.names) == 1])
      error_message = local.missing
    }
  }
}

resource "aws_kms_replica_key" "this" {
  count = var.replica_of == null ? 0 : 1

  description             = var.description
  primary_key_arn         = var.replica_of.arn
  deletion_window_in_days = 30
  policy                  = local.policy
  tags                    = { Name = var.name }

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = alltrue([for each in data.aws_iam_roles.linked : length(each.names) == 1])
      error_message = local.missing
    }
  }
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = local.key_id
}
