"""The file of the playground, what it begins with, and the commands that write it."""

import base64
import io
import json
import re
from urllib.parse import parse_qs

import numpy as np
import pytest
from in_node import ENGINE, in_node, needs_node

from fastmlp import MLP, initializers
from fastmlp.cli import main
from fastmlp.datasets import circles
from fastmlp.lab import compare_initializers, write_playground, write_report
from fastmlp.lab.commands import playground as command
from fastmlp.lab.playground.facts import facts
from fastmlp.lab.playground.link import fragment_of

X, Y = circles(40, seed=1)


@pytest.fixture(scope="module")
def page():
    file = io.BytesIO()
    write_playground(file)
    return file.getvalue().decode()


def part(page, name):
    return re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', page, re.DOTALL).group(1)


def compared(dims=(2, 6, 3, 1), **options):
    options = {"seeds": [5, 6], "epochs": 7, "learning_rate": 0.25, "progress": False, **options}
    return compare_initializers(X, Y, list(dims), **options)


# ---- the file


def test_the_page_holds_the_engine_and_the_facts(page):
    assert base64.b64decode(part(page, "engine")) == ENGINE.read_bytes()
    assert json.loads(part(page, "facts")) == json.loads(json.dumps(facts()))
    assert page.startswith("<!DOCTYPE html>")
    assert len(page) < 700_000


def test_the_page_names_no_place_to_ask_and_allows_none(page):
    code = re.sub(r'<script type="text/plain" id="engine">.*?</script>', "", page, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\s\"']+", code)) == {"http://www.w3.org/2000/svg"}  # the name of SVG
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page).group(1)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


def test_scripts_do_not_end_before_their_end(page):
    assert page.count("</script>") == page.count("<script")


def test_a_path_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("before")
    with pytest.raises(ValueError, match="network must have 2 features"):
        write_playground(path, network=MLP([3, 2, 1]))
    assert path.read_text() == "before"
    write_playground(path)
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]


def broken():
    model = MLP([2, 3, 1])
    model.parameters[0] = np.nan
    return model


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"path": 3}, TypeError, "path must be"),
        ({"network": "model.npz"}, TypeError, "network must be an MLP, got 'model.npz'"),
        ({"network": MLP([2, 3, 2])}, ValueError, "got log_loss with 2"),
        ({"network": MLP([2, 3, 1], loss="squared_error")}, ValueError, "got squared_error with 1"),
        ({"network": MLP([2, 3, 6], loss="multinomial_log_loss")}, ValueError, "got multinomial_log_loss with 6"),
        ({"network": MLP([2, 1], activation=())}, ValueError, "1 to 10 hidden layers of at most 128 units, got none"),
        ({"network": MLP([2, 129, 1])}, ValueError, "at most 128 units, got 129"),
        ({"network": MLP([2, *[1] * 11, 1])}, ValueError, "1 to 10 hidden layers"),
        ({"network": broken()}, ValueError, "the parameters of network must be finite"),
        ({"comparison": [1]}, TypeError, "comparison must be a Comparison or None, got"),
    ],
)
def test_bad_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        write_playground(**{"path": io.BytesIO(), **arguments})


def test_a_network_of_float32_is_shown_too():
    model = MLP([2, 3, 1], dtype="float32", seed=0)
    found = facts(model)["network"]
    numbers = np.frombuffer(base64.b64decode(found["parameters"]), "<f8")
    np.testing.assert_array_equal(numbers, model.parameters)
    assert found["layerDims"] == [2, 3, 1]


# ---- the settings of a comparison


def test_the_page_begins_with_the_settings_of_a_comparison():
    names = ["zeros", "xavier", initializers.He(scale=1.5), "orthogonal", ("random", {"scale": [1, 10]})]
    found = compared(initializers=names, optimizer="adam", batch_size=16, activation="tanh")
    file = io.BytesIO()
    write_playground(file, comparison=found)
    fragment = json.loads(part(file.getvalue().decode(), "facts"))["fragment"]
    assert fragment == fragment_of(found)
    assert parse_qs(fragment) == {
        "layers": ["6-3"], "activation": ["tanh"], "optimizer": ["adam"], "learning_rate": ["0.25"],
        "batch_size": ["16"], "epochs": ["7"],
        "start": ["zeros::5", "xavier_normal::5", "he:1.5:5", "random:1.0:5", "random:10.0:5"],
    }  # fmt: skip


@needs_node
def test_the_page_understands_the_settings_of_a_comparison():
    fragment = fragment_of(compared(initializers=["he", initializers.Identity(0.5)]), "moons")
    state, problems = in_node(
        "const { state, problems } = module.stateOf(fragment, facts); return [state, problems];",
        modules=["state.js"],
        fragment=fragment,
        facts=facts(),
    )
    assert problems == []
    assert (state["data"], state["layers"], state["epochs"], state["batch_size"]) == ("moons", [6, 3], 7, 0)
    assert state["starts"] == [
        {"initializer": "he", "scale": None, "seed": 5},
        {"initializer": "identity", "scale": 0.5, "seed": 5},
    ]


@needs_node
def test_every_state_comes_back_from_its_fragment():
    fragments = [
        "", "data=blobs&classes=5&start=he:0.1:7&start=lecun::0&shown=1",
        "data=painted&points=AAAAAHfHfB__-_E&classes=5",
        "layers=1&noise=0.123456789012345&learning_rate=1e-7&speed=10&batch_size=7",
    ]  # fmt: skip
    script = """
    return fragments.map((text) => {
        const first = module.stateOf(text, facts), second = module.stateOf(module.fragmentOf(first.state), facts);
        return [first, second];
    });
    """
    for first, second in in_node(script, modules=["state.js"], fragments=fragments, facts=facts()):
        assert first == second
        assert first["problems"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dims": (2, 129, 1)}, "at most 128 units"),
        ({"optimizer": "lbfgs", "learning_rate": None}, "the page has no optimizer lbfgs"),
        ({"activation": [("tanh", "relu")]}, "one activation, not tanh-relu"),
        ({"loss": "squared_error"}, "trained by log_loss, not by "),
        ({"initializers": ["orthogonal"]}, "draws none of the initializers"),
    ],
)
def test_what_the_page_cannot_show_is_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        write_playground(io.BytesIO(), comparison=compared(**options))


def test_an_address_that_runs_scripts_is_refused():
    with pytest.raises(ValueError, match="playground must be a relative address, or one of http, https or file; got"):
        write_report(compared(), io.BytesIO(), playground="javascript:alert(1)")


# ---- the commands


@pytest.fixture
def opened(monkeypatch, tmp_path):
    """Addresses that were opened, from an empty folder."""
    found = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command.webbrowser, "open", lambda address: found.append(address) or True)
    return found


def test_the_command_writes_the_page_and_opens_it(opened, tmp_path, capsys):
    assert main(["playground"]) == 0
    path = tmp_path / "fastmlp_playground.html"
    assert opened == [path.as_uri()]
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr().out == "Page: fastmlp_playground.html\n"


def test_the_command_opens_nothing_if_told_so(opened, tmp_path):
    assert main(["playground", "--no-open", "--output", "other.html"]) == 0
    assert opened == []
    assert [path.name for path in tmp_path.iterdir()] == ["other.html"]


def test_a_machine_without_a_browser_is_told_of(opened, monkeypatch, capsys):
    monkeypatch.setattr(command.webbrowser, "open", lambda address: False)
    assert main(["playground"]) == 0
    assert "There is no browser here" in capsys.readouterr().out


def test_the_command_takes_a_network_of_a_file(opened, tmp_path):
    model = MLP([2, 4, 1], seed=0)
    model.save("model.npz")
    assert main(["playground", "--network", "model.npz"]) == 0
    known = json.loads(part((tmp_path / "fastmlp_playground.html").read_text(), "facts"))
    assert known["network"]["layerDims"] == [2, 4, 1]
    assert known["fragment"] == "data=circles&start=network"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "missing/page.html"], "--output must be a file in an existing folder, got missing/page.html"),
        (["--output", "."], "--output must be a file in an existing folder, got ."),
        (["--network", "missing.npz"], "--network: missing.npz cannot be read: No such file or directory"),
        (["--network", "wide.npz"], "--network must have 2 features, which the page draws as a plane; got 3"),
        (["--network", "text.npz"], "text.npz"),
    ],
)
def test_bad_options_are_named_and_nothing_is_written(words, message, opened, tmp_path, capsys):
    MLP([3, 4, 1]).save("wide.npz")
    (tmp_path / "text.npz").write_text("no network")
    assert main(["playground", *words]) == 2
    assert message in capsys.readouterr().err
    assert opened == []
    assert not list(tmp_path.glob("**/*.html"))


def test_the_report_links_to_the_page_beside_it(opened, tmp_path):
    words = ["report", "--data", "moons", "--seeds", "2", "--init", "he,lecun", "--iterations", "20", "--layers", "4"]
    assert main(words) == 0
    report = (tmp_path / "initialization_report.html").read_text()
    link = re.search(r'href="(initialization_playground.html#[^"]+)"', report).group(1).replace("&amp;", "&")
    state = parse_qs(link.partition("#")[2])
    assert (state["data"], state["layers"], state["start"]) == (["moons"], ["4"], ["he::0", "lecun::0"])
    assert (state["n"], state["data_seed"], state["noise"]) == (["300"], ["1"], ["0.05"])
    assert (tmp_path / "initialization_playground.html").exists()


def test_a_report_of_what_the_page_cannot_show_has_no_link(opened, tmp_path):
    words = ["report", "--seeds", "2", "--init", "orthogonal", "--iterations", "20", "--layers", "4"]
    assert main(words) == 0
    assert "playground" not in (tmp_path / "initialization_report.html").read_text()
    assert not (tmp_path / "initialization_playground.html").exists()
