# Three zones, each with an exit of its own: the loss of one takes no other with it.
data "aws_region" "current" {}

locals {
  zones = { for index, zone in var.zones : zone => index }
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# The group that AWS makes and gives to whatever names none: it allows nothing.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-closed" }
}

resource "aws_subnet" "nodes" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-nodes-${each.key}", "kubernetes.io/role/internal-elb" = "1" }
}

resource "aws_subnet" "balancers" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, 8 + each.value)
  map_public_ip_on_launch = false
  tags                    = { Name = "${var.name}-balancers-${each.key}", "kubernetes.io/role/elb" = "1" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = var.name }
}

resource "aws_eip" "exit" {
  for_each = local.zones

  domain     = "vpc"
  tags       = { Name = "${var.name}-${each.key}" }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "exit" {
  for_each = local.zones

  allocation_id = aws_eip.exit[each.key].id
  subnet_id     = aws_subnet.balancers[each.key].id
  tags          = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "nodes" {
  for_each = local.zones

  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-nodes-${each.key}" }
}

resource "aws_route" "exit" {
  for_each = local.zones

  route_table_id         = aws_route_table.nodes[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.exit[each.key].id
}

resource "aws_route_table_association" "nodes" {
  for_each = local.zones

  subnet_id      = aws_subnet.nodes[each.key].id
  route_table_id = aws_route_table.nodes[each.key].id
}

resource "aws_route_table" "balancers" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-balancers" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.balancers.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "balancers" {
  for_each = local.zones

  subnet_id      = aws_subnet.balancers[each.key].id
  route_table_id = aws_route_table.balancers.id
}

# Backups reach their bucket without leaving by the exits.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.nodes : table.id]
  tags              = { Name = "${var.name}-s3" }
}
