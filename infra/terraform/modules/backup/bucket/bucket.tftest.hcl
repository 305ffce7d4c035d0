mock_provider "aws" {}

variables {
  bucket            = "test-bucket"
  key_arn           = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
  lock_days         = 35
  expirations       = { openbao = 60 }
  access_log_bucket = "test-logs"
  readers           = ["arn:aws:iam::000000000000:role/auditor"]

  copy = {
    bucket_arn = "arn:aws:s3:::test-copy"
    key_arn    = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0123"
    role_arn   = "arn:aws:iam::000000000000:role/replication"
  }
}

run "nothing_is_public" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "Something of the bucket could be made public."
  }
}

run "versions_are_locked_for_everybody" {
  command = plan

  assert {
    condition     = aws_s3_bucket.this.object_lock_enabled && aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Objects could be overwritten or deleted."
  }

  assert {
    condition = (
      aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].mode == "COMPLIANCE" &&
      aws_s3_bucket_object_lock_configuration.this[0].rule[0].default_retention[0].days == 35
    )
    error_message = "The lock could be lifted."
  }
}

run "old_snapshots_go" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_lifecycle_configuration.this.rule[1].filter[0].prefix == "openbao/" &&
      aws_s3_bucket_lifecycle_configuration.this.rule[1].expiration[0].days == 60
    )
    error_message = "Snapshots, which nobody deletes, would fill the bucket for ever."
  }
}

run "a_bucket_without_lock_has_versions" {
  command = plan

  variables {
    lock_days   = null
    expirations = {}
  }

  assert {
    condition     = !aws_s3_bucket.this.object_lock_enabled && length(aws_s3_bucket_object_lock_configuration.this) == 0
    error_message = "A bucket that is to have no lock has one."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "What was overwritten by mistake would be gone."
  }
}

run "objects_are_encrypted_with_our_key" {
  command = plan

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.this.rule :
      rule.apply_server_side_encryption_by_default[0].kms_master_key_id == var.key_arn
    ])
    error_message = "Objects are encrypted with another key."
  }
}

run "everybody_is_refused_in_clear_and_readers_only_read" {
  command = plan

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Effect == "Deny"
    error_message = "Traffic in clear is allowed."
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[1].Action == ["s3:GetObject", "s3:ListBucket"]
    error_message = "A reader may do more than read."
  }
}

run "everything_is_copied_and_what_waits_is_counted" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_replication_configuration.this.rule[0].destination[0].bucket == "arn:aws:s3:::test-copy" &&
      aws_s3_bucket_replication_configuration.this.rule[0].destination[0].encryption_configuration[0].replica_kms_key_id == var.copy.key_arn
    )
    error_message = "The copy lies elsewhere, or would need the first region's key."
  }

  assert {
    condition     = aws_s3_bucket_replication_configuration.this.rule[0].destination[0].metrics[0].status == "Enabled"
    error_message = "Nobody would see how far the copies are behind."
  }
}
