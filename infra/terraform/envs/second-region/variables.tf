variable "name" {
  description = "Name of the environment and prefix of everything in it."
  type        = string
  default     = "ringfence-second"
}

variable "region" {
  description = "The region that takes over."
  type        = string
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)
}

variable "cidr" {
  description = "IPv4 range of the network; not the first region's."
  type        = string
  default     = "10.21.0.0/16"
}

variable "kubernetes_version" {
  description = "Minor of Kubernetes, the first region's."
  type        = string
  default     = "1.34"
}

variable "api_cidrs" {
  description = "Ranges from which the API is reached from outside."
  type        = list(string)
  default     = []
}

variable "administrators" {
  description = "ARNs of roles that administer the cluster."
  type        = list(string)
}

variable "first" {
  description = "Output `second_region` of envs/three-zones: what the first region keeps here for the second."
  type = object({
    key_arns   = object({ unseal = string, backups = string, platform = string })
    bucket_arn = string
  })

  validation {
    condition     = alltrue([for arn in values(var.first.key_arns) : strcontains(arn, ":key/mrk-")])
    error_message = "first must name replicas of multi-region keys: another key opens nothing of the first region."
  }
}
