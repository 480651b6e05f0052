"""The templates as they would be deployed, packaged once from the real applications."""

from __future__ import annotations

import json

import pytest

from infra.package import package


@pytest.fixture(scope="session")
def packaged():
    return package("desk")


@pytest.fixture(scope="session")
def service(packaged):
    return json.loads(packaged.template.read_text())


@pytest.fixture(scope="session")
def fleet(packaged):
    return json.loads(packaged.fleet.read_text())


@pytest.fixture(scope="session")
def both(service, fleet):
    return {**service["Resources"], **fleet["Resources"]}


@pytest.fixture(scope="session")
def of_type():
    """Return the properties of all resources of some types, by logical id."""

    def select(resources, *kinds):
        return {name: found["Properties"] for name, found in resources.items() if found["Type"] in kinds}

    return select
