"""The learning curve as a picture."""

from pathlib import Path

import pandas as pd

from stages.core.evaluating.plots import default_style, write_png


@default_style()
def curve_picture(table: pd.DataFrame, title: str, path: Path) -> None:
    """Draw accuracy and macro F1 against the number of images, which doubles from tick to tick: a dot a training."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes, means = figure.add_subplot(), table.groupby("share", sort=True).mean()
    for name, line, colour in (("accuracy", "-o", "tab:blue"), ("macro_f1", "--o", "tab:orange")):
        label = f"{name.replace('_f1', ' F1')}, mean over seeds"
        axes.plot(table["n_train"], table[name], ".", color=colour, alpha=0.5)
        axes.plot(means["n_train"], means[name], line, color=colour, label=label)
    ends = (means["accuracy_low"], means["accuracy_high"])
    axes.fill_between(means["n_train"], *ends, color="tab:blue", alpha=0.15, label="interval of the accuracy")
    axes.set_xscale("log", base=2)
    axes.set(title=title, xlabel="training images", ylabel="validation")
    axes.set_xticks(means["n_train"], [f"{n:,.0f}" for n in means["n_train"]])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    write_png(figure, path)
