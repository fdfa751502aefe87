"""The shape of the code: no import cycle among packages or modules, and every ``__all__`` sorted and true."""

import importlib
import pkgutil
from graphlib import TopologicalSorter

import grimp
import pytest

import aver

PACKAGES = sorted(module.name for module in pkgutil.iter_modules(aver.__path__, "aver.") if module.ispkg)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(aver.__path__, "aver.")
    # Alembic's scripts run inside Alembic alone, and importing __main__ runs it.
    if ".migrations" not in module.name and not module.name.endswith("__main__")
)


def test_nothing_imports_in_a_circle():
    graph = grimp.build_graph("aver", cache_dir=None, exclude_type_checking_imports=True)
    modules = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    packages = {package: set() for package in PACKAGES}
    for importer, imported in modules.items():
        above = ".".join(importer.split(".")[:2])
        below = {".".join(module.split(".")[:2]) for module in imported}
        if above in packages:
            packages[above] |= (below & packages.keys()) - {above}
    for imports in (packages, modules):
        assert list(TopologicalSorter(imports).static_order())  # raises CycleError, which names the cycle


@pytest.mark.parametrize("name", MODULES)
def test_all_is_sorted_and_true(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert len(set(names)) == len(names)
    assert all(hasattr(module, public) for public in names)
    assert list(names) == sorted(names, key=_as_ruff_sorts)


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by name (ruff's RUF022)."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name
