"""The part of Kubernetes' and KubeRay's (ray.io/v1) types that rayjob.yaml uses."""

# ruff: noqa: N815 - fields are named as Kubernetes names them

import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SUFFIX = {"": Decimal(1), "m": Decimal("0.001")} | {
    f"{c}i": Decimal(2) ** (10 * n) for n, c in enumerate("KMGT", 1)
}


def quantity(text: str) -> Decimal:
    """A quantity as Kubernetes writes it, such as "500m" or "32Gi"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|Ti)?", text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    return Decimal(found[1]) * SUFFIX[found[2] or ""]


def _checked(text: str) -> str:
    quantity(text)
    return text


Quantity = Annotated[str, AfterValidator(_checked)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]


class Shape(BaseModel):
    """Part of a manifest: nothing else may stand in it, and nothing is turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SecretKey(Shape):
    name: Name
    key: str
    optional: bool = False


class ValueFrom(Shape):
    secretKeyRef: SecretKey


class Variable(Shape):
    name: str
    value: str | None = None
    valueFrom: ValueFrom | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Variable":
        assert (self.value is None) != (self.valueFrom is None), f"{self.name} needs one source"
        return self


class Mount(Shape):
    name: Name
    mountPath: str = Field(pattern="^/")


class Port(Shape):
    containerPort: int = Field(ge=1, le=65535)
    name: Name = Field(max_length=15)


class Resources(Shape):
    requests: dict[str, Quantity]
    limits: dict[str, Quantity] = {}


class Container(Shape):
    name: Name
    image: str
    resources: Resources
    ports: list[Port] = []
    env: list[Variable] = []
    volumeMounts: list[Mount] = []


class Claim(Shape):
    claimName: Name


class Volume(Shape):
    name: Name
    persistentVolumeClaim: Claim


class PodSecurity(Shape):
    runAsNonRoot: bool
    runAsUser: int
    fsGroup: int
    fsGroupChangePolicy: Literal["Always", "OnRootMismatch"] = "Always"


class Toleration(Shape):
    key: str
    operator: Literal["Exists", "Equal"]
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class PodSpec(Shape):
    containers: list[Container] = Field(min_length=1)
    volumes: list[Volume] = []
    securityContext: PodSecurity | None = None
    tolerations: list[Toleration] = []


class PodTemplate(Shape):
    spec: PodSpec


class HeadGroup(Shape):
    rayStartParams: dict[str, str]
    template: PodTemplate


class WorkerGroup(HeadGroup):
    groupName: Name
    replicas: int = Field(ge=0)
    minReplicas: int = Field(ge=0)
    maxReplicas: int = Field(ge=0)


class AuthOptions(Shape):
    mode: Literal["disabled", "token"]


class RayClusterSpec(Shape):
    rayVersion: str
    authOptions: AuthOptions
    headGroupSpec: HeadGroup
    workerGroupSpecs: list[WorkerGroup] = Field(min_length=1)


class RayJobSpec(Shape):
    entrypoint: str
    backoffLimit: int = Field(ge=0)
    shutdownAfterJobFinishes: bool
    ttlSecondsAfterFinished: int = Field(ge=0)
    rayClusterSpec: RayClusterSpec


class Metadata(Shape):
    name: Name


class RayJob(Shape):
    apiVersion: Literal["ray.io/v1"]
    kind: Literal["RayJob"]
    metadata: Metadata
    spec: RayJobSpec


class ClaimSpec(Shape):
    accessModes: list[Literal["ReadWriteMany"]]
    storageClassName: str
    resources: Resources


class VolumeClaim(Shape):
    apiVersion: Literal["v1"]
    kind: Literal["PersistentVolumeClaim"]
    metadata: Metadata
    spec: ClaimSpec
