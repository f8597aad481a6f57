# What no plan may do here, whoever approves it. Each is asked when a plan is
# made and again when it is applied.

policy "one-control-plane-host" {
  condition     = !plan.live || length(plan.control_plane_hosts) <= 1
  error_message = "Change one control-plane host at a time; this changes ${join(", ", plan.control_plane_hosts)}."
}

policy "no-removal-on-fridays" {
  condition     = time.weekday != "Friday" || length(plan.removals) == 0
  error_message = "Nothing is removed on a Friday, and this removes ${join(", ", plan.removals[*].item)}. Run the pipeline again on Monday."
  timezone      = "Europe/Berlin"
}

policy "restarts" {
  condition     = length(plan.restarts) <= 10
  error_message = "${length(plan.restarts)} services are interrupted. Is a smaller step possible?"
  severity      = "warning"
}
