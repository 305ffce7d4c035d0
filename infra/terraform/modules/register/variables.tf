variable "name" {
  description = "Name of both buckets, before their region, and of the policy."
  type        = string
}

variable "regions" {
  description = "Regions of the provider aws and of aws.replica."
  type        = object({ primary = string, replica = string })
}

variable "key_arns" {
  description = "KMS key of either bucket, each of its own region."
  type        = object({ primary = string, replica = string })
}

variable "access_log_buckets" {
  description = "The site's bucket for access logs in either region."
  type        = object({ primary = string, replica = string })
}

variable "lock_days" {
  description = "Days for which nobody can take out again who was erased: longer than any backup is kept."
  type        = number
  default     = 3650

  validation {
    condition     = var.lock_days >= 365
    error_message = "lock_days must be 365 or more: a backup that outlives the lock could bring the erased back."
  }
}
