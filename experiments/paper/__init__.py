"""The paper: its runs, measures, tables, figures and comparison with what was published."""
