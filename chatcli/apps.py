"""Lets Django find the commands."""

from django.apps import AppConfig


class ChatcliConfig(AppConfig):
    name = "chatcli"
    label = "chatcli"
