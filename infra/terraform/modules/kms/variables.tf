variable "name" {
  description = "Name of the key; its alias is alias/NAME."
  type        = string
}

variable "description" {
  description = "What the key is for."
  type        = string
}

variable "rotation_days" {
  description = "Days after which KMS makes new key material; what was encrypted before stays readable."
  type        = number
  default     = 365

  validation {
    condition     = var.rotation_days >= 90 && var.rotation_days <= 365
    error_message = "rotation_days must be 90 to 365: rotation cannot be turned off."
  }
}

variable "replica_of" {
  description = "The key in the first region, where this is its replica; a replica rotates with it. Null makes a key."
  # An object, since whether there is one must be known before its ARN is.
  type    = object({ arn = string })
  default = null

  validation {
    condition     = var.replica_of == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/mrk-", var.replica_of.arn))
    error_message = "replica_of must be a multi-region key: its identifier begins with mrk-."
  }
}

variable "services" {
  description = "AWS services that may use the key for this account, such as logs.eu-central-1.amazonaws.com."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.services : endswith(each, ".amazonaws.com")])
    error_message = "services must be names of AWS services: no other principal gets the key by this way."
  }
}

variable "service_linked_roles" {
  description = "Service-linked roles that may use the key, as SERVICE/ROLE."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for each in var.service_linked_roles : can(regex("^[a-z0-9.-]+/[A-Za-z0-9]+$", each))])
    error_message = "service_linked_roles must be of the form SERVICE/ROLE."
  }
}
