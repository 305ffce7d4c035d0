variable "name" {
  description = "Name of the network and prefix of everything in it."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the network; each zone takes a sixteenth for nodes and a sixteenth for balancers."
  type        = string

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 15)) && try(tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be an IPv4 range of /20 or larger: pods take addresses of the network."
  }
}

variable "zones" {
  description = "Names of the three availability zones."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "zones must name three different availability zones: two lose their quorum with one."
  }
}

variable "logs_key_arn" {
  description = "KMS key of the log of flows."
  type        = string
}

variable "log_days" {
  description = "Days for which the log of flows is kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([365, 400, 545, 731, 1096, 1827, 3653], var.log_days)
    error_message = "log_days must be a period that CloudWatch knows, of a year or more."
  }
}
