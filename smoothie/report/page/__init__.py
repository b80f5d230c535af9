"""report.html: what a run or a sweep found, and all its texts, in one file that needs no network.

`of_run.py` and `of_sweep.py` gather what is shown, `inputs.py` packs the texts, `html.py` puts all
of it into the templates of `static/`. Charts are drawn in the browser, by uPlot 1.6.32 (MIT), whose
files of the npm package lie beside them unchanged.
"""
