output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "node_subnets" {
  description = "The subnet for nodes of each zone, by the zone's name."
  value       = { for zone, subnet in aws_subnet.nodes : zone => subnet.id }
}

output "exit_addresses" {
  description = "The public address from which each zone goes out, for a bank's list of the allowed."
  value       = { for zone, exit in aws_eip.exit : zone => exit.public_ip }
}
