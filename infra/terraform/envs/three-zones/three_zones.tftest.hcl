mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = ["AWSServiceRoleForAutoScaling"] }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

mock_provider "aws" {
  alias = "replica"
  mock_data "aws_caller_identity" {
    defaults = { account_id = "000000000000" }
  }
  mock_data "aws_iam_roles" {
    defaults = { names = ["AWSServiceRoleForAutoScaling"] }
  }
}

variables {
  region             = "eu-central-1"
  second_region      = "eu-west-1"
  zones              = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  administrators     = ["arn:aws:iam::000000000000:role/platform"]
  access_log_buckets = { primary = "test-logs-1", replica = "test-logs-2" }
}

run "the_parts_fit_together" {
  command = plan

  assert {
    condition     = output.buckets == { primary = "ringfence-backups-eu-central-1", replica = "ringfence-backups-eu-west-1" }
    error_message = "The buckets have other names than the platform's manifests expect."
  }
}

run "the_rail_is_the_one_that_a_site_names" {
  command = plan

  assert {
    condition     = output.rail.buckets == { primary = "ringfence-rail-eu-central-1", replica = "ringfence-rail-eu-west-1" }
    error_message = "The rail's bucket has another name than sites.example.yaml expects."
  }
}

run "the_register_is_the_one_that_a_site_names" {
  command = plan

  assert {
    condition     = output.register.buckets == { primary = "ringfence-register-eu-central-1", replica = "ringfence-register-eu-west-1" }
    error_message = "The register's bucket has another name than sites.example.yaml expects."
  }
}

run "one_region_for_both_is_refused" {
  command         = plan
  expect_failures = [var.second_region]

  variables {
    second_region = "eu-central-1"
  }
}
