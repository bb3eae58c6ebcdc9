"""Optimizer and learning-rate schedule from params."""

from typing import Any

import keras

from stages.core.settings.fit_options import Fit, Schedule


class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Learning rate at a step: a linear warm-up, then constant, cosine, linear or exponential.

    Cosine: Loshchilov & Hutter 2017, SGDR.
    """

    def __init__(self, peak: float, n_steps: int, schedule: Schedule) -> None:
        self.peak, self.n_steps, self.schedule = peak, n_steps, schedule

    def __call__(self, step: Any) -> Any:
        """Return the rate at a step (from 0), float32."""
        ops, schedule = keras.ops, self.schedule
        step = ops.cast(step, "float32")
        n_warm = schedule.warmup * self.n_steps
        warm = ops.minimum((step + 1) / max(n_warm, 1.0), 1.0)
        done = ops.clip((step - n_warm) / max(self.n_steps - n_warm, 1.0), 0.0, 1.0)
        if schedule.name == "exponential":
            share = ops.power(schedule.decay_rate or 1.0, (step - n_warm) / (schedule.decay_steps or 1))
        else:
            left = {
                "constant": 1 + 0 * done,
                "linear": 1 - done,
                "cosine": (1 + ops.cos(done * 3.14159265)) / 2,
            }
            share = schedule.end + (1 - schedule.end) * left[schedule.name]
        return self.peak * ops.where(step < n_warm, warm, share)


def optimizer(fit: Fit, n_steps: int) -> Any:
    """Return the Keras optimizer of a `fit` section for a run of n_steps steps.

    Weight decay is decoupled for every optimizer and touches kernels only, not biases and norms.
    """
    o, schedule = fit.optimizer, fit.schedule
    still = schedule.name == "constant" and not schedule.warmup  # a plain number, so that a plateau can lower it
    common = {
        "learning_rate": o.rate if still else Rate(o.rate, n_steps, schedule),
        "weight_decay": o.weight_decay or None,
        "global_clipnorm": o.clip_norm,
        "use_ema": fit.ema is not None,
        "ema_momentum": fit.ema if fit.ema is not None else 0.99,
    }
    kinds = keras.optimizers
    made = {
        "sgd": lambda: kinds.SGD(momentum=o.momentum, nesterov=o.momentum > 0, **common),
        "rmsprop": lambda: kinds.RMSprop(momentum=o.momentum, **common),
        "adam": lambda: kinds.Adam(**common),
        "adamw": lambda: kinds.AdamW(**{**common, "weight_decay": o.weight_decay}),
        "adamax": lambda: kinds.Adamax(**common),
        "lion": lambda: kinds.Lion(**common),
    }[o.name]()
    if o.weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made
