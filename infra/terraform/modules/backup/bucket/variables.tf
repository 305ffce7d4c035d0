variable "bucket" {
  description = "Name of the bucket."
  type        = string
}

variable "key_arn" {
  description = "KMS key of this region with which every object is encrypted."
  type        = string
}

variable "lock_days" {
  description = "Days for which no version of an object can be deleted, by nobody. Null makes a bucket without lock."
  type        = number
}

variable "expirations" {
  description = "Days after which objects are deleted that nobody else deletes, by their prefix without slash."
  type        = map(number)
}

variable "access_log_bucket" {
  description = "Bucket of the site, in the same region, that keeps who read and wrote what."
  type        = string
}

variable "readers" {
  description = "ARNs of roles outside of the cluster that may read, such as an auditor's."
  type        = list(string)
}

variable "copy" {
  description = "Where every object is copied to, with which key of that region, and the role that copies."
  type        = object({ bucket_arn = string, key_arn = string, role_arn = string })
}
