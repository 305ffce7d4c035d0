variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "kubernetes_version" {
  description = "Minor of Kubernetes, such as 1.34."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor such as 1.34."
  }
}

variable "subnets" {
  description = "The subnet for nodes of each zone, by the zone's name."
  type        = map(string)

  validation {
    condition     = length(var.subnets) == 3
    error_message = "subnets must be of three zones: every quorum here is two of three."
  }
}

variable "key_arn" {
  description = "KMS key of Secrets, of the control plane's logs, and of the volumes of nodes and claims."
  type        = string
}

variable "api_cidrs" {
  description = "Ranges from which the API is reached from outside; none keeps it inside of the network."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.api_cidrs, "0.0.0.0/0")
    error_message = "api_cidrs must not open the API to everybody."
  }
}

variable "nodes" {
  description = "Instance type, and how many nodes each zone has and may grow to."
  type        = object({ instance_type = string, each_zone = number, each_zone_at_most = number })
  default     = { instance_type = "m7i.4xlarge", each_zone = 1, each_zone_at_most = 3 }

  validation {
    condition     = var.nodes.each_zone >= 1 && var.nodes.each_zone_at_most > var.nodes.each_zone
    error_message = "nodes must be one or more in each zone, with room for one more: an upgrade adds before it drains."
  }
}

variable "administrators" {
  description = "ARNs of roles that administer the cluster."
  type        = list(string)

  validation {
    condition     = length(var.administrators) > 0 && alltrue([for each in var.administrators : can(regex(":role/", each))])
    error_message = "administrators must be one role or more: users have keys that do not expire."
  }
}
