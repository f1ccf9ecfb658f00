"""What every trunk has. One of your own is found by its `kind` (kinds.py)."""

from abc import ABC, abstractmethod

from torch import nn

from models.config import Frozen


class TrunkConfig(Frozen, ABC):
    """A trunk. One of your own has a `kind` and these three."""

    @property
    @abstractmethod
    def stride(self) -> int:
        """Pixels of the image per step of the feature map."""

    @property
    @abstractmethod
    def channels_out(self) -> int:
        """C of the feature map."""

    @abstractmethod
    def build(self, pretrained: bool = True) -> nn.Module:
        """The trunk.

        Args:
            pretrained: False leaves the weights random, for a checkpoint to be loaded.
        """
