"""Causal language models: the one that Sluice ships with, or a dataset's own."""

from typing import TYPE_CHECKING

from pydantic import Field

from resources.compute import Compute
from resources.settled import SettledResource
from sluice.data.config.language import LanguageModel

if TYPE_CHECKING:
    from sluice.language.checkpoint import CausalModel


class LanguageModels(SettledResource):
    """Finds language models; the default one is converted once a machine."""

    root: str = Field(
        default="",
        description="Folder of converted models; default `$SLUICE_MODELS` or the user's cache.",
    )

    def of(self, settings: LanguageModel, compute: Compute) -> "CausalModel":
        """Return the model that a dataset names, not yet loaded.

        Raises
        ------
        ConfigError
            Where it cannot be used.
        """
        from pathlib import Path

        from sluice.language.checkpoint import CausalModel
        from sluice.language.smollm2 import FOLDER, convert_default, default_folder

        folder = Path(self.root).resolve() / FOLDER if self.root else default_folder()
        model = settings.model or convert_default(folder)
        return CausalModel(model, settings.dtype, compute.resolve())
