mock_provider "aws" {}

mock_provider "aws" {
  alias = "replica"
}

variables {
  name               = "test-register"
  regions            = { primary = "eu-central-1", replica = "eu-west-1" }
  access_log_buckets = { primary = "test-logs-1", replica = "test-logs-2" }
  key_arns = {
    primary = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
    replica = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0123"
  }
}

run "nothing_is_deleted_and_nothing_beside_reached" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for each in jsondecode(aws_iam_policy.service.policy).Statement : [
        for action in flatten([each.Action]) :
        contains(["s3:ListBucket", "s3:GetObject", "s3:PutObject", "kms:GenerateDataKey", "kms:Decrypt"], action)
      ]
    ]))
    error_message = "identity could do more than list, read and add."
  }

  assert {
    condition = alltrue(flatten([
      for each in jsondecode(aws_iam_policy.service.policy).Statement : [
        for resource in flatten([each.Resource]) : can(regex("^arn:aws:s3:::test-register-[a-z0-9-]+/erased/\\*$", resource))
      ] if can(regex("Object", jsonencode(each.Action)))
    ]))
    error_message = "Objects beside the register could be reached."
  }
}

run "a_short_lock_is_refused" {
  command         = plan
  expect_failures = [var.lock_days]

  variables {
    lock_days = 364
  }
}
