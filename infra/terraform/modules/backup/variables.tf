variable "name" {
  description = "Name of both buckets, before their region."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,40}$", var.name))
    error_message = "name must be of lower-case letters, digits and hyphens, 42 at most."
  }
}

variable "regions" {
  description = "Regions of the provider aws and of aws.replica."
  type        = object({ primary = string, replica = string })

  validation {
    condition     = var.regions.primary != var.regions.replica
    error_message = "regions must be two: a copy in the same region is lost with it."
  }
}

variable "key_arns" {
  description = "KMS key of either bucket, each of its own region."
  type        = object({ primary = string, replica = string })
}

variable "lock_days" {
  description = "Days for which no version can be deleted; null for buckets that are no backup."
  type        = number
  default     = 35

  validation {
    condition     = var.lock_days == null ? true : var.lock_days >= 30
    error_message = "lock_days must be 30 or more: who breaks in may wait."
  }
}

variable "expirations" {
  description = "Days after which objects are deleted that nobody else deletes, by their prefix without slash."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for days in values(var.expirations) : days > coalesce(var.lock_days, 0)])
    error_message = "expirations must be longer than the lock: a version outlives the deletion of its object."
  }
}

variable "access_log_buckets" {
  description = "The site's bucket for access logs in either region."
  type        = object({ primary = string, replica = string })
}

variable "readers" {
  description = "ARNs of roles outside of the cluster that may read both buckets."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.readers : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", each))])
    error_message = "readers must be roles by their ARN, without asterisk: a backup is never public."
  }
}
