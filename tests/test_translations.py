"""English and Simplified Chinese: complete catalogues, and pages without a word of the other.

Reads the catalogues without gettext's tools. Whether they have the messages of the code is checked
by scripts/check_translations.sh, which needs those tools.
"""

from __future__ import annotations

import ast
import datetime as dt
import gettext
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import django
import pytest
import rest_framework
from django.urls import reverse
from django.utils import translation

from abtesting.admin import verdicts
from abtesting.exceptions import TransitionError
from abtesting.lifecycle import decide, start
from abtesting.models import Experiment, ResultSnapshot, Variant
from shopdemo.models import Category, Product
from tests.results import payloads

ROOT = Path(__file__).parents[1]
APPS = ["abtesting", "shopdemo"]
NOW = dt.datetime(2026, 11, 22, 10, tzinfo=dt.UTC)
CHINESE = {"Accept-Language": "zh-hans"}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd%]|\{\w+\}|</?\w+>")
# Letters that belong to Chinese text about statistics.
LATIN = {"SRM", "p", "t", "Bonferroni", "A", "B"}


@dataclass
class Message:
    """An entry of a .po file."""

    texts: dict[str, str] = field(default_factory=dict)
    is_fuzzy: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.texts.get("msgctxt", ""), self.texts["msgid"]

    @property
    def sources(self) -> list[str]:
        return [self.texts[k] for k in ("msgid", "msgid_plural") if k in self.texts]

    @property
    def translations(self) -> list[str]:
        return [text for name, text in self.texts.items() if name.startswith("msgstr")]


def read(app: str) -> list[Message]:
    """The messages of an app's .po file, without its header."""
    path = ROOT / app / "locale/zh_Hans/LC_MESSAGES/django.po"
    messages = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        message, name = Message(), ""
        for line in block.splitlines():
            if line.startswith("#"):
                message.is_fuzzy |= line.startswith("#,") and "fuzzy" in line
                continue
            head, quoted = line.split('"', 1)
            name = head.strip() or name
            message.texts[name] = message.texts.get(name, "") + ast.literal_eval('"' + quoted)
        if message.texts.get("msgid"):
            messages.append(message)
    return messages


@pytest.fixture(params=APPS)
def messages(request):
    found = read(request.param)
    assert len(found) > 200
    return found


def test_every_message_is_translated(messages):
    assert [m.key for m in messages if not all(m.translations) or not m.translations] == []


def test_no_translation_is_a_guess(messages):
    assert [m.key for m in messages if m.is_fuzzy] == []


def test_no_message_is_there_twice(messages):
    keys = [m.key for m in messages]
    assert len(keys) == len(set(keys))


def test_placeholders_and_tags_survive_the_translation(messages):
    for m in messages:
        # The last form is the plural, which is the one that Chinese has.
        wanted = sorted(PLACEHOLDER.findall(m.sources[-1]))
        for text in m.translations:
            assert sorted(PLACEHOLDER.findall(text)) == wanted, m.key


def django_catalogues():
    for package in (django, rest_framework):
        for path in Path(package.__file__).parent.rglob("zh_Hans/LC_MESSAGES/django.mo"):
            with path.open("rb") as file:
                yield gettext.GNUTranslations(file)


def test_no_message_means_something_else_in_another_catalogue():
    """All catalogues are one at run time, so a word with two meanings needs a context."""
    own = {app: {m.key: m.translations[0] for m in read(app)} for app in APPS}
    for key in own["abtesting"].keys() & own["shopdemo"].keys():
        assert own["abtesting"][key] == own["shopdemo"][key], key
    others = list(django_catalogues())
    assert len(others) > 5
    for (context, text), chosen in {**own["abtesting"], **own["shopdemo"]}.items():
        found = {c.pgettext(context, text) if context else c.gettext(text) for c in others}
        found = {word.strip() for word in found} - {text.strip()}
        assert not found or chosen in found, (text, chosen, found)


# Pages


class Words(HTMLParser):
    """What a page says: its text, and the attributes that are read out or shown."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(content)

    def handle_data(self, data: str) -> None:
        self.words.append(" ".join(data.split()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        shown = ["aria-label", "alt", "placeholder", "title"]
        if ("type", "submit") in attrs:
            shown.append("value")
        self.words += [value for name, value in attrs if name in shown and value]


def english_words() -> set[str]:
    """Whole messages that a Chinese page must not show."""
    # A language is listed by its own name; Django's admin has an English "Search" for its icon.
    allowed = {"English", "Search"}
    return {
        source
        for app in APPS
        for m in read(app)
        for source in m.sources
        if m.translations[0] != source and len(source) > 2
    } - allowed


@pytest.fixture
def show(db, client):
    """Fetches a page in Chinese, and fails if a message on it is English."""
    english = english_words()

    def show(url: str, client=client) -> str:
        response = client.get(url, headers=CHINESE, follow=True)
        content = response.content.decode()
        assert '<html lang="zh-hans"' in content
        assert set(Words(content).words) & english == set(), url
        return content

    return show


@pytest.fixture
def mug(db):
    shelf = Category.objects.create(name="Küche", slug="kitchen")
    return Product.objects.create(
        category=shelf, slug="mug", sku="T-1", name="Becher", kind="mug", description="…",
        price=22, stock=3, attributes={"colour": "moss", "material": "stoneware"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "headline"),
    [
        ("/", "<h1>居家、书桌与花园好物</h1>"),
        ("/category/kitchen/", "仅看有货"),
        ("/search/?q=nothing-like-it", "没有找到“nothing-like-it”"),
        ("/product/mug/", "加入购物车"),
        ("/basket/", "<h1>购物车</h1>"),
        ("/checkout/", "<h1>结账</h1>"),
        ("/account/login/", "<h1>登录</h1>"),
        ("/account/sign-up/", "<h1>注册账户</h1>"),
    ],
)
def test_the_shop_speaks_chinese(client, show, mug, url, headline):
    client.post("/basket/mug/add/", {"quantity": 1})
    assert headline in show(url)


def test_an_order_is_confirmed_and_refused_in_chinese(client, show, mug):
    assert "姓名" in show("/account/sign-up/")
    client.post("/basket/mug/add/", {"quantity": 1})
    page = client.get("/checkout/")
    data = {
        "email": "mara@example.com", "name": "Mara Lind", "street": "Hafenweg 4",
        "postcode": "20457", "city": "Hamburg", "country": "DE", "card": "declined",
        "token": page.context["basket"].checkout_token,
        "agreed_total": page.context["totals"].total,
    }  # fmt: skip
    refused = client.post("/checkout/", data, headers=CHINESE).content.decode()
    assert "付款被拒绝，没有扣款。请换一张卡再试。" in refused
    placed = client.post("/checkout/", {**data, "card": "accepted"}, headers=CHINESE)
    assert "谢谢您，Mara Lind" in show(placed["Location"])


def test_a_missing_page_says_so_in_chinese(client, db):
    response = client.get("/nowhere/", headers=CHINESE)
    assert response.status_code == 404
    assert "找不到您要的页面" in response.content.decode()


def experiment_with(payload):
    experiment = Experiment.objects.create(key="headline", name="标题", state="running")
    ResultSnapshot.objects.create(experiment=experiment, payload=payload, created_at=NOW)
    return experiment


@pytest.mark.parametrize("build", sorted(payloads.BUILDERS))
def test_the_results_page_speaks_chinese(show, admin_client, build):
    experiment = experiment_with(payloads.BUILDERS[build]())
    content = show(experiment.get_absolute_url(), client=admin_client)
    assert "目标指标" in content
    assert "置信区间" in content


@pytest.mark.parametrize("build", sorted(payloads.BUILDERS))
def test_a_verdict_is_chinese_but_for_the_names_in_it(build):
    payload = payloads.BUILDERS[build]()
    names = [x["name"] for x in (*payload["metrics"], *payload["variants"])]
    with translation.override("zh-hans"):
        verdict = verdicts.verdict(payload)
        text = f"{verdict.chip.text} {verdict.headline} {verdict.detail}"
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, "")
    assert set(re.findall(r"[A-Za-z]+", text)) <= LATIN
    assert re.search(r"[,;:.!?](?!\d)", text) is None, "a half-width sign in a Chinese sentence"


def test_a_verdict_can_be_quoted_in_chinese():
    with translation.override("zh-hans"):
        sentence = verdicts.verdict(payloads.ship()).sentence
    assert sentence == (
        "变体 B 使“Conversion”提高 8.1%（97.5% 置信区间：+2.4% 至 +13.9%）。"
        "护栏指标正常。已达到计划样本量。建议上线变体 B。"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [("changelist", "选择 实验 来修改"), ("add", "最小关注提升")],
)
def test_the_admin_speaks_chinese(show, admin_client, name, words):
    assert words in show(reverse(f"admin:abtesting_experiment_{name}"), client=admin_client)


def test_the_confirmation_of_a_step_speaks_chinese(show, admin_client):
    experiment = Experiment.objects.create(key="headline", name="标题", state="running")
    url = reverse("admin:abtesting_experiment_transition", args=(experiment.pk, "stop"))
    assert "所有人都看到对照组" in show(url, client=admin_client)


def test_the_checklist_before_launch_speaks_chinese(show, admin_client):
    experiment = Experiment.objects.create(key="headline", name="标题")
    assert "建议：请在知道答案之前写明预期及理由。" in show(
        experiment.get_absolute_url(), client=admin_client
    )


@pytest.mark.django_db
def test_a_refused_step_is_explained_in_chinese():
    experiment = Experiment.objects.create(key="headline", name="标题", state="draft")
    variant = Variant.objects.create(experiment=experiment, key="b")
    with translation.override("zh-hans"):
        with pytest.raises(TransitionError) as missing:
            start(experiment)
        with pytest.raises(TransitionError) as early:
            decide(experiment, variant=variant)
    assert missing.value.problems[0] == "至少两个变体：请添加对照组，以及要与之对比的方案。"
    assert early.value.problems == [
        "只有处于以下状态的实验才能“做出决定”：已停止；标题 目前的状态是草稿。"
    ]
