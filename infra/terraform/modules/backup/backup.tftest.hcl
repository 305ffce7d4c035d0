mock_provider "aws" {}

mock_provider "aws" {
  alias = "replica"
}

variables {
  name               = "test-backups"
  regions            = { primary = "eu-central-1", replica = "eu-west-1" }
  access_log_buckets = { primary = "test-logs-1", replica = "test-logs-2" }
  key_arns = {
    primary = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
    replica = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0123"
  }
}

run "the_buckets_are_named_by_their_regions" {
  command = plan

  assert {
    condition     = output.bucket_names == { primary = "test-backups-eu-central-1", replica = "test-backups-eu-west-1" }
    error_message = "The buckets have other names."
  }
}

run "who_copies_may_do_nothing_else" {
  command = plan

  assert {
    condition     = !can(regex("s3:Delete|s3:Put|s3:\\*", aws_iam_role_policy.replication.policy))
    error_message = "The role that copies could change what is there."
  }
}

run "a_public_bucket_is_refused" {
  command         = plan
  expect_failures = [var.readers]

  variables {
    readers = ["*"]
  }
}

run "a_whole_account_as_reader_is_refused" {
  command         = plan
  expect_failures = [var.readers]

  variables {
    readers = ["arn:aws:iam::000000000000:root"]
  }
}

run "a_lock_of_a_week_is_refused" {
  command         = plan
  expect_failures = [var.lock_days]

  variables {
    lock_days = 7
  }
}

run "an_expiration_within_the_lock_is_refused" {
  command         = plan
  expect_failures = [var.expirations]

  variables {
    expirations = { openbao = 35 }
  }
}

run "two_buckets_in_one_region_are_refused" {
  command         = plan
  expect_failures = [var.regions]

  variables {
    regions = { primary = "eu-central-1", replica = "eu-central-1" }
  }
}

run "a_name_that_is_none_for_a_bucket_is_refused" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "Test_Backups"
  }
}
