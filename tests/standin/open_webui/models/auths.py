from open_webui.internal.db import Base
from sqlalchemy import Boolean, Column, String, Text


class Auth(Base):
    __tablename__ = "auth"
    id = Column(String, primary_key=True)
    email = Column(String)
    password = Column(Text)
    active = Column(Boolean)
