mock_provider "aws" {}

variables {
  name               = "test"
  kubernetes_version = "1.34"
  subnets            = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b", eu-central-1c = "subnet-c" }
  key_arn            = "arn:aws:kms:eu-central-1:000000000000:key/mrk-0123"
  administrators     = ["arn:aws:iam::000000000000:role/platform"]
}

run "every_zone_has_its_own_node_group" {
  command = plan

  assert {
    condition     = tomap({ for zone, group in aws_eks_node_group.zone : zone => one(group.subnet_ids) }) == var.subnets
    error_message = "A volume of a zone could find no node there."
  }
}

run "the_api_is_inside_unless_ranges_are_named" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "The API is reached from outside."
  }
}

run "secrets_and_volumes_are_encrypted_with_our_key" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.encryption_config[0].provider[0].key_arn == var.key_arn
    error_message = "Secrets are not encrypted with our key."
  }

  assert {
    condition     = aws_launch_template.nodes.block_device_mappings[0].ebs[0].kms_key_id == var.key_arn
    error_message = "Nodes' volumes are not encrypted with our key."
  }
}

run "a_pod_cannot_be_its_node" {
  command = plan

  assert {
    condition = (
      aws_launch_template.nodes.metadata_options[0].http_tokens == "required" &&
      aws_launch_template.nodes.metadata_options[0].http_put_response_hop_limit == 1
    )
    error_message = "A pod could fetch the node's credentials."
  }
}

run "network_policies_are_enforced" {
  command = plan

  assert {
    condition     = jsondecode(aws_eks_addon.before_nodes["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies would be accepted and not enforced."
  }
}

run "volumes_of_claims_are_made_under_our_key" {
  command = plan

  assert {
    condition = alltrue([
      for action in [
        "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant", "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*",
        "kms:GenerateDataKey*", "kms:DescribeKey",
      ] : contains(flatten(jsondecode(aws_iam_role_policy.volumes.policy).Statement[*].Action), action)
    ])
    error_message = "An encrypted volume could be neither made nor attached."
  }

  assert {
    condition = alltrue([
      for each in jsondecode(aws_iam_role_policy.volumes.policy).Statement : each.Resource == var.key_arn
    ])
    error_message = "The driver could use another key."
  }

  assert {
    condition = alltrue([
      for each in jsondecode(aws_iam_role_policy.volumes.policy).Statement :
      can(each.Condition.Bool["kms:GrantIsForAWSResource"]) if contains(flatten([each.Action]), "kms:CreateGrant")
    ])
    error_message = "The driver could hand the key on to anybody."
  }
}

run "nodes_find_their_network_and_addons_find_their_place" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.bootstrap_self_managed_addons == false
    error_message = "Add-ons would meet what EKS has installed by itself."
  }

  assert {
    condition     = toset(keys(aws_eks_addon.before_nodes)) == toset(["vpc-cni", "kube-proxy", "eks-pod-identity-agent"])
    error_message = "Nodes would wait for a network that waits for them."
  }

  assert {
    condition     = toset(keys(aws_eks_addon.on_nodes)) == toset(["coredns", "aws-ebs-csi-driver"])
    error_message = "An add-on that needs nodes would be waited for before there are any."
  }
}

run "two_zones_are_refused" {
  command         = plan
  expect_failures = [var.subnets]

  variables {
    subnets = { eu-central-1a = "subnet-a", eu-central-1b = "subnet-b" }
  }
}

run "an_api_for_everybody_is_refused" {
  command         = plan
  expect_failures = [var.api_cidrs]

  variables {
    api_cidrs = ["0.0.0.0/0"]
  }
}

run "nodes_without_room_for_an_upgrade_are_refused" {
  command         = plan
  expect_failures = [var.nodes]

  variables {
    nodes = { instance_type = "m7i.4xlarge", each_zone = 1, each_zone_at_most = 1 }
  }
}

run "users_as_administrators_are_refused" {
  command         = plan
  expect_failures = [var.administrators]

  variables {
    administrators = ["arn:aws:iam::000000000000:user/someone"]
  }
}

run "a_patch_instead_of_a_minor_is_refused" {
  command         = plan
  expect_failures = [var.kubernetes_version]

  variables {
    kubernetes_version = "1.34.2"
  }
}
