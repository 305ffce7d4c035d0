variable "name" {
  description = "Prefix of the roles."
  type        = string
}

variable "oidc_provider_arn" {
  description = "The cluster's OpenID Connect provider in IAM."
  type        = string
}

variable "oidc_issuer" {
  description = "The cluster's issuer of service account tokens, without scheme."
  type        = string

  validation {
    condition     = !strcontains(var.oidc_issuer, "://")
    error_message = "oidc_issuer must be without scheme, as IAM's conditions have it."
  }
}

variable "unseal" {
  description = "The one workload that opens the vault, and with which key."
  type = object({
    namespace       = string
    service_account = string
    key_arn         = string
  })

  validation {
    condition     = !strcontains("${var.unseal.namespace}${var.unseal.service_account}${var.unseal.key_arn}", "*")
    error_message = "unseal must name one service account of one namespace and one key: no asterisk."
  }
}

variable "backups" {
  description = "Workloads that write and read backups, each below a prefix of its own; by a short name."
  type = map(object({
    namespace       = string
    service_account = string
    bucket_arn      = string
    prefix          = string
    key_arn         = string
  }))

  validation {
    condition = alltrue([
      for each in var.backups : !strcontains("${each.namespace}${each.service_account}${each.bucket_arn}${each.key_arn}", "*")
    ])
    error_message = "backups must name one service account, bucket and key each: no asterisk."
  }

  validation {
    condition = (
      alltrue([for each in var.backups : can(regex("^[a-z0-9-]+$", each.prefix))]) &&
      length(distinct([for each in var.backups : each.prefix])) == length(var.backups)
    )
    error_message = "backups must have a prefix each, of letters, digits and hyphens, that no other has."
  }
}
