mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

variables {
  name         = "test"
  cidr         = "10.20.0.0/16"
  zones        = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
  logs_key_arn = "arn:aws:kms:eu-central-1:000000000000:key/logs"
}

run "every_zone_has_its_own_exit" {
  command = plan

  assert {
    condition     = length(aws_nat_gateway.exit) == 3 && length(aws_route_table.nodes) == 3
    error_message = "A zone leaves through another one."
  }

  assert {
    condition     = toset([for subnet in aws_subnet.nodes : subnet.availability_zone]) == toset(var.zones)
    error_message = "A zone has no subnet for nodes."
  }
}

run "subnets_do_not_overlap" {
  command = plan

  assert {
    condition = length(distinct(concat(
      [for subnet in aws_subnet.nodes : subnet.cidr_block], [for subnet in aws_subnet.balancers : subnet.cidr_block]
    ))) == 6
    error_message = "Two subnets have one range."
  }
}

run "nothing_gets_a_public_address_by_itself" {
  command = plan

  assert {
    condition = !anytrue([
      for subnet in concat(values(aws_subnet.nodes), values(aws_subnet.balancers)) : subnet.map_public_ip_on_launch
    ])
    error_message = "A subnet gives out public addresses."
  }
}

run "two_zones_are_refused" {
  command         = plan
  expect_failures = [var.zones]

  variables {
    zones = ["eu-central-1a", "eu-central-1b"]
  }
}

run "one_zone_named_twice_is_refused" {
  command         = plan
  expect_failures = [var.zones]

  variables {
    zones = ["eu-central-1a", "eu-central-1b", "eu-central-1b"]
  }
}

run "a_range_too_small_is_refused" {
  command         = plan
  expect_failures = [var.cidr]

  variables {
    cidr = "10.20.0.0/24"
  }
}

run "a_log_shorter_than_a_year_is_refused" {
  command         = plan
  expect_failures = [var.log_days]

  variables {
    log_days = 30
  }
}
