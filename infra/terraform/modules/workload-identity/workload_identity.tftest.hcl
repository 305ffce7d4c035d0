mock_provider "aws" {}

variables {
  name              = "test"
  oidc_provider_arn = "arn:aws:iam::000000000000:oidc-provider/issuer.test/id/1"
  oidc_issuer       = "issuer.test/id/1"
  unseal = {
    namespace       = "openbao"
    service_account = "openbao"
    key_arn         = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
  }
  backups = {
    postgres = {
      namespace       = "ringfence"
      service_account = "ringfence-postgres"
      bucket_arn      = "arn:aws:s3:::test-backups"
      prefix          = "postgres"
      key_arn         = "arn:aws:kms:eu-central-1:000000000000:key/mrk-4567"
    }
  }
}

run "a_role_is_one_service_accounts" {
  command = plan

  assert {
    condition = alltrue([
      for name, role in aws_iam_role.this :
      jsondecode(role.assume_role_policy).Statement[0].Condition.StringEquals == {
        "issuer.test/id/1:aud" = "sts.amazonaws.com"
        "issuer.test/id/1:sub" = name == "unseal" ? "system:serviceaccount:openbao:openbao" : "system:serviceaccount:ringfence:ringfence-postgres"
      }
    ])
    error_message = "Another service account could take on the role."
  }
}

run "the_vault_may_use_one_key_and_nothing_else" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.unseal.policy).Statement == [{
      Effect   = "Allow"
      Action   = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]
      Resource = var.unseal.key_arn
    }]
    error_message = "The vault may do more than open itself."
  }
}

run "nobody_may_delete_a_version_or_pass_the_lock" {
  command = plan

  assert {
    condition = alltrue([
      for each in aws_iam_role_policy.backups :
      !can(regex("DeleteObjectVersion|BypassGovernance|PutObjectRetention|s3:\\*|\"\\*\"", each.policy))
    ])
    error_message = "A backup could be destroyed by the workload that made it."
  }
}

run "backups_stay_below_their_prefix" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role_policy.backups["postgres"].policy).Statement[1].Resource == "arn:aws:s3:::test-backups/postgres/*"
    error_message = "A workload could reach another one's backups."
  }
}

run "a_workload_may_ask_whether_its_bucket_is_there" {
  command = plan

  assert {
    condition = alltrue([
      for each in jsondecode(aws_iam_role_policy.backups["postgres"].policy).Statement :
      keys(each.Condition) == ["StringLikeIfExists"] if each.Action == "s3:ListBucket" && can(each.Condition)
    ])
    error_message = "HeadBucket, which has no prefix, would be refused, and with it every upload."
  }
}

run "any_service_account_is_refused" {
  command         = plan
  expect_failures = [var.unseal]

  variables {
    unseal = {
      namespace       = "openbao"
      service_account = "*"
      key_arn         = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
    }
  }
}

run "two_workloads_below_one_prefix_are_refused" {
  command         = plan
  expect_failures = [var.backups]

  variables {
    backups = {
      postgres = {
        namespace       = "ringfence"
        service_account = "ringfence-postgres"
        bucket_arn      = "arn:aws:s3:::test-backups"
        prefix          = "same"
        key_arn         = "arn:aws:kms:eu-central-1:000000000000:key/mrk-4567"
      }
      vault = {
        namespace       = "openbao"
        service_account = "openbao-snapshot"
        bucket_arn      = "arn:aws:s3:::test-backups"
        prefix          = "same"
        key_arn         = "arn:aws:kms:eu-central-1:000000000000:key/mrk-4567"
      }
    }
  }
}

run "an_issuer_with_scheme_is_refused" {
  command         = plan
  expect_failures = [var.oidc_issuer]

  variables {
    oidc_issuer = "https://issuer.test/id/1"
  }
}
