"""What measures the budgets. Run one as `python -m benchmarks.NAME`; results stand in docs/benchmarks.md."""
