mock_provider "aws" {}

mock_provider "aws" {
  alias = "replica"
}

variables {
  name               = "test-rail"
  regions            = { primary = "eu-central-1", replica = "eu-west-1" }
  access_log_buckets = { primary = "test-logs-1", replica = "test-logs-2" }
  prefix             = "ours/"
  key_arns = {
    primary = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
    replica = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0123"
  }
}

run "nobody_reaches_beyond_the_prefix" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_policy.this : [
        for each in jsondecode(policy.policy).Statement : [
          for resource in flatten([each.Resource]) : can(regex("^arn:aws:s3:::test-rail-[a-z0-9-]+/ours/[a-z]+/\\*$", resource))
        ] if can(regex("Object", each.Action))
      ]
    ]))
    error_message = "Objects beside the rail could be reached."
  }
}

run "names_of_the_outbox_stay" {
  command = plan

  assert {
    condition = !anytrue(flatten([
      for policy in aws_iam_policy.this : [
        for each in jsondecode(policy.policy).Statement : [
          for resource in each.Resource : strcontains(resource, "/outbox/")
        ] if can(regex("Delete|\\*", each.Action))
      ]
    ]))
    error_message = "A message handed over again could reach the bank twice."
  }
}

run "the_inbox_is_the_banks_to_write" {
  command = plan

  assert {
    condition = alltrue([
      for each in jsondecode(aws_iam_policy.this["service"].policy).Statement :
      !anytrue([for resource in each.Resource : strcontains(resource, "/inbox/")]) if each.Action == "s3:PutObject"
    ])
    error_message = "The service could write what it reads as the bank's."
  }
}

run "a_missing_object_is_answered_as_missing" {
  command = plan

  assert {
    condition = alltrue([
      for policy in aws_iam_policy.this : keys(jsondecode(policy.policy).Statement[0].Condition) == ["StringLikeIfExists"]
    ])
    error_message = "Reading an object that is not there would be refused instead."
  }
}

run "any_prefix_is_refused" {
  command         = plan
  expect_failures = [var.prefix]

  variables {
    prefix = "*"
  }
}
