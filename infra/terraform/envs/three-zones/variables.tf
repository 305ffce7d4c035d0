variable "name" {
  description = "Name of the environment and prefix of everything in it."
  type        = string
  default     = "ringfence"
}

variable "region" {
  description = "The region that runs."
  type        = string
}

variable "second_region" {
  description = "The region that takes over: copies of backups and of keys are there."
  type        = string

  validation {
    condition     = var.second_region != var.region
    error_message = "second_region must be another region."
  }
}

variable "zones" {
  description = "Three availability zones of the region."
  type        = list(string)
}

variable "cidr" {
  description = "IPv4 range of the network; the second region's is another one."
  type        = string
  default     = "10.20.0.0/16"
}

variable "kubernetes_version" {
  description = "Minor of Kubernetes."
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

variable "access_log_buckets" {
  description = "The site's bucket for access logs in either region."
  type        = object({ primary = string, replica = string })
}
