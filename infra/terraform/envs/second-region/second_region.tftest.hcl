mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-west-1" }
  }
}

variables {
  region         = "eu-west-1"
  zones          = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
  administrators = ["arn:aws:iam::000000000000:role/platform"]
  first = {
    bucket_arn = "arn:aws:s3:::test-backups-eu-west-1"
    key_arns = {
      unseal   = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0123"
      backups  = "arn:aws:kms:eu-west-1:000000000000:key/mrk-4567"
      platform = "arn:aws:kms:eu-west-1:000000000000:key/mrk-89ab"
    }
  }
}

run "the_parts_fit_together" {
  command = plan

  assert {
    condition     = module.cluster.name == "ringfence-second"
    error_message = "Both regions' clusters have one name."
  }
}

run "a_key_that_the_first_region_has_not_used_is_refused" {
  command         = plan
  expect_failures = [var.first]

  variables {
    first = {
      bucket_arn = "arn:aws:s3:::test-backups-eu-west-1"
      key_arns = {
        unseal   = "arn:aws:kms:eu-west-1:000000000000:key/0123"
        backups  = "arn:aws:kms:eu-west-1:000000000000:key/mrk-4567"
        platform = "arn:aws:kms:eu-west-1:000000000000:key/mrk-89ab"
      }
    }
  }
}
