locals {
  # What the cluster itself runs; those with a role take it on by the pod identity agent.
  addons = {
    eks-pod-identity-agent = {}
    kube-proxy             = {}
    coredns                = {}
    vpc-cni = {
      service_account = "aws-node"
      policy          = "AmazonEKS_CNI_Policy"
      # Without it NetworkPolicies are accepted and not enforced.
      configuration = jsonencode({ enableNetworkPolicy = "true" })
    }
    aws-ebs-csi-driver = {
      service_account = "ebs-csi-controller-sa"
      policy          = "service-role/AmazonEBSCSIDriverPolicy"
    }
  }
  with_role = { for name, addon in local.addons : name => addon if can(addon.policy) }
}

resource "aws_eks_addon" "this" {
  for_each = local.addons

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
}
