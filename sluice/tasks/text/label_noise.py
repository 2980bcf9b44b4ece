"""The section `label_noise` of a `dataset.yaml`: which given labels are not to be trusted."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from sluice.core.errors import ConfigError
from sluice.data.config.base import Positive, Section, Seed

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _threshold(value: object) -> object:
    if value == "mixture":
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value < 1:
        raise ValueError(
            "is no threshold of a cosine; write mixture, or a number from -1 to less than 1 such "
            "as 0.5"
        )
    return float(value)


Threshold = Annotated[
    str | float,
    BeforeValidator(_threshold),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "mixture", "type": "string"},
                {"type": "number", "minimum": -1, "exclusiveMaximum": 1},
            ]
        }
    ),
]


class Service(Section, frozen=True):
    """A service that speaks OpenAI's chat completions; what it is sent leaves this machine."""

    base_url: str = Field(
        description="Its address up to and without /chat/completions, such as "
        "http://localhost:8000/v1. The texts of the rows go there."
    )
    model: Annotated[str, Field(min_length=1)] = Field(
        description="Name of the model at the service."
    )
    key_variable: str | None = Field(
        default=None,
        description="Name of the environment variable that holds the key; never the key itself.",
    )
    max_tokens: int = Field(default=512, description="Longest answer in tokens.")
    temperature: float = Field(default=0.0, description="0 asks for the likeliest answer.")
    timeout: float = Field(default=60.0, description="Seconds without a sign of the service.")
    attempts: int = Field(default=5, description="Most tries of one text, the first included.")
    first_wait: float = Field(
        default=1.0, description="Seconds before the second try; up to twice as long each time."
    )
    longest_wait: float = Field(default=30.0, description="Most seconds between two tries.")
    workers: int = Field(default=4, description="Texts that are under way at once.")

    @model_validator(mode="after")
    def _usable(self) -> Service:
        # Whole-section rules: a message about one key would show its value, and that may be a key.
        if self.key_variable is not None and _VARIABLE.fullmatch(self.key_variable) is None:
            raise ValueError(
                "has a key_variable that names no environment variable; put the key into one, "
                "such as MY_SERVICE_KEY, and write its name here. If the key was written into "
                "this file, replace it at the service"
            )
        from sluice.noise.endpoint import Endpoint

        try:
            Endpoint(**self.model_dump())
        except ConfigError as error:
            problem = str(error).removesuffix(".")
            raise ValueError(f"describes no service that can be asked: {problem}") from None
        return self


class LabelNoise(Section, frozen=True):
    """Rows whose given label is not to be trusted are found by EchoAlign, and that is measured."""

    generator: Literal["nearest_instance", "rewriting", "endpoint"] = Field(
        default="nearest_instance",
        description="What makes a row's version for its given label: the nearest other row of that "
        "label, the model of language_model, or the service that endpoint describes.",
    )
    threshold: Threshold = Field(
        default="mixture",
        description="Rows with a cosine above it keep their label: a number, or mixture, which "
        "finds it between two groups of cosines.",
    )
    rows: Positive = Field(
        default=2000,
        description="Training rows, drawn by seed and id, that rewriting and endpoint are asked "
        "about; nearest_instance looks at all.",
    )
    seed: Seed = Field(default=0, description="Seed of that draw.")
    kind: Annotated[str, Field(min_length=1)] = Field(
        default="text", description="What a text is, for the prompt, such as review."
    )
    max_new_tokens: Positive = Field(
        default=256, description="Longest text that the model of language_model writes, in tokens."
    )
    endpoint: Service | None = Field(
        default=None, description="The service, where generator is endpoint."
    )

    @model_validator(mode="after")
    def _service_of_the_generator(self) -> LabelNoise:
        if self.generator == "endpoint" and self.endpoint is None:
            raise ValueError(
                "has generator endpoint and does not say where; add for example endpoint: "
                "{base_url: http://localhost:8000/v1, model: my-model}"
            )
        if self.generator != "endpoint" and self.endpoint is not None:
            raise ValueError(
                f"has endpoint, which generator {self.generator} does not read; remove it, or "
                "write generator: endpoint"
            )
        return self
