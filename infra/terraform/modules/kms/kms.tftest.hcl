mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = ["AWSServiceRoleForAutoScaling"] }
  }
}

variables {
  name        = "test-unseal"
  description = "Opens the vault."
}

run "a_key_is_multi_region_and_rotates" {
  command = plan

  assert {
    condition     = aws_kms_key.this[0].multi_region
    error_message = "The second region could not open what the first one sealed."
  }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_key.this[0].rotation_period_in_days == 365
    error_message = "The key does not rotate every year."
  }

  assert {
    condition     = aws_kms_key.this[0].deletion_window_in_days == 30
    error_message = "A deletion by mistake could not be called back for 30 days."
  }
}

run "nobody_but_this_account_gets_the_key" {
  command = plan

  assert {
    condition = alltrue([
      for each in jsondecode(aws_kms_key.this[0].policy).Statement : each.Principal == { AWS = "arn:aws:iam::000000000000:root" }
    ])
    error_message = "The policy names another principal."
  }
}

run "a_service_gets_the_key_for_this_accounts_logs_only" {
  command = plan

  variables {
    services = ["logs.eu-central-1.amazonaws.com"]
  }

  assert {
    condition     = can(jsondecode(aws_kms_key.this[0].policy).Statement[1].Condition.ArnLike)
    error_message = "The service could use the key for other accounts."
  }
}

run "nodes_volumes_are_opened_by_the_role_that_starts_nodes" {
  command = plan

  variables {
    service_linked_roles = ["autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"]
  }

  assert {
    condition = alltrue([
      for each in slice(jsondecode(aws_kms_key.this[0].policy).Statement, 1, 3) :
      each.Principal.AWS == ["arn:aws:iam::000000000000:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"]
    ])
    error_message = "A node could not open its volume."
  }
}

run "a_replica_is_of_the_first_regions_key" {
  command = plan

  variables {
    replica_of = { arn = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123" }
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && aws_kms_replica_key.this[0].primary_key_arn == var.replica_of.arn
    error_message = "A key of its own was made instead of a replica."
  }
}

run "rotation_off_is_refused" {
  command         = plan
  expect_failures = [var.rotation_days]

  variables {
    rotation_days = 0
  }
}

run "rotation_rarer_than_a_year_is_refused" {
  command         = plan
  expect_failures = [var.rotation_days]

  variables {
    rotation_days = 366
  }
}

run "a_replica_of_a_key_of_one_region_is_refused" {
  command         = plan
  expect_failures = [var.replica_of]

  variables {
    replica_of = { arn = "arn:aws:kms:eu-central-1:000000000000:key/0123" }
  }
}

run "a_role_that_the_account_lacks_is_named" {
  command         = plan
  expect_failures = [aws_kms_key.this]

  variables {
    service_linked_roles = ["autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"]
  }

  override_data {
    target = data.aws_iam_roles.linked
    values = { names = [] }
  }
}

run "any_role_is_refused" {
  command         = plan
  expect_failures = [var.service_linked_roles]

  variables {
    service_linked_roles = ["autoscaling.amazonaws.com/*"]
  }
}

run "a_principal_disguised_as_a_service_is_refused" {
  command         = plan
  expect_failures = [var.services]

  variables {
    services = ["*"]
  }
}
