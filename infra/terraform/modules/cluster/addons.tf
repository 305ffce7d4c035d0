locals {
  # What a node needs before it is ready: none of it waits for a node.
  addons_before_nodes = {
    eks-pod-identity-agent = {}
    kube-proxy             = {}
    vpc-cni = {
      service_account = "aws-node"
      policy          = "AmazonEKS_CNI_Policy"
      # Without it NetworkPolicies are accepted and not enforced.
      configuration = jsonencode({ enableNetworkPolicy = "true" })
    }
  }
  # What runs on nodes, and is not there before they are.
  addons_on_nodes = {
    coredns = {}
    aws-ebs-csi-driver = {
      service_account = "ebs-csi-controller-sa"
      policy          = "service-role/AmazonEBSCSIDriverPolicy"
    }
  }
  # Those with a role take it on by the pod identity agent.
  with_role = {
    for name, addon in merge(local.addons_before_nodes, local.addons_on_nodes) : name => addon if can(addon.policy)
  }
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name         = aws_eks_cluster.this.name
  addon_name           = each.key
  configuration_values = try(each.value.configuration, null)

  dynamic "pod_identity_association" {
    for_each = contains(keys(local.with_role), each.key) ? [each.value.service_account] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value
    }
  }

  depends_on = [aws_iam_role_policy_attachment.addon]
}

resource "aws_eks_addon" "on_nodes" {
  for_each = local.addons_on_nodes

  cluster_name = aws_eks_cluster.this.name
  addon_name   = each.key

  dynamic "pod_identity_association" {
    for_each = contains(keys(local.with_role), each.key) ? [each.value.service_account] : []

    content {
      role_arn        = aws_iam_role.addon[each.key].arn
      service_account = pod_identity_association.value
    }
  }

  depends_on = [aws_eks_node_group.zone, aws_iam_role_policy_attachment.addon, aws_iam_role_policy.volumes]
}
