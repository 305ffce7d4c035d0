variable "name" {
  description = "Name of both buckets, before their region, and of the policies."
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

variable "prefix" {
  description = "What stands before the names in the bucket: the chart's `rail.prefix`."
  type        = string
  default     = ""

  validation {
    condition     = can(regex("^([a-z0-9-]+/)*$", var.prefix))
    error_message = "prefix must be empty or end with a slash, of lower-case letters, digits and hyphens: no asterisk."
  }
}
