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
    condition     = jsondecode(aws_eks_addon.this["vpc-cni"].configuration_values).enableNetworkPolicy == "true"
    error_message = "NetworkPolicies would be accepted and not enforced."
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
